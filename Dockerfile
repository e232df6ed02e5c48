FROM node:20.20.2-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-fund --no-audit
COPY . .
# A volume takes its owner from the folder that it covers.
RUN npm run build && mkdir -p .millrace && chown -R node:node /app
USER node
ENV UV_THREADPOOL_SIZE=16 MALLOC_ARENA_MAX=2
CMD ["node", "lib/worker.js"]
