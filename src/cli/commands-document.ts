import type { Command } from 'commander';

/** docs/commands.md: the help of every command, as the program itself prints it. */
export function commandsDocument(program: Command): string {
  const pages = allOf(program).map((command) => `## ${pathOf(command)}\n\n\`\`\`\n${helpOf(command)}\n\`\`\`\n`);
  return `# Commands\n\nMade from the program; a test keeps it in step (\`UPDATE_DOCS=1 npx jest test/cli/help.test.ts\` writes it anew).\n\n${pages.join('\n')}`;
}

/** Commands that do something, in the order of \`--help\`. */
export function allOf(program: Command): readonly Command[] {
  return program.commands.flatMap((command) => (command.commands.length > 0 ? allOf(command) : [command]));
}

export const pathOf = (command: Command): string => (command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name());

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => { text += part; }, getOutHelpWidth: () => 80, getOutHasColors: () => false });
  command.outputHelp();
  return text.trimEnd();
}
