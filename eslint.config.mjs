import tseslint from 'typescript-eslint';

const values = (files, message, group) => ({ files, rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [{ group, message, allowTypeImports: true }] }] } });

export default tseslint.config(
  { ignores: ['lib/**', '**/*.js', '**/*.mjs'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    languageOptions: { parser: tseslint.parser, parserOptions: { project: './tsconfig.json' } },
    plugins: { '@typescript-eslint': tseslint.plugin },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  values(['src/domain/**'], 'domain is pure: it imports only from domain', ['node:*', 'pg', '@aws-sdk/*', '@duckdb/*', '@temporalio/*', 'zod', '../activities/*', '../connectors/*', '../stores/*', '../workflows/*']),
  values(['src/workflows/**'], 'workflows decide: values from domain, types from activities', ['node:*', 'pg', '@aws-sdk/*', '@duckdb/*', 'zod', '../activities/*', '../connectors/*', '../stores/*', '../transforms/*', '../config/*']),
  values(['src/connectors/**', 'src/formats/**', 'src/transforms/**', 'src/checks/**', 'src/stores/**'], 'they are below the activities', ['@temporalio/*', '**/activities/*', '**/workflows/*', '**/cli/*', '**/config/*']),
);
