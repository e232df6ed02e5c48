FROM node:20.20.2-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-fund --no-audit
COPY . .
RUN npm run build && chown -R node:node /app
USER node
ENV UV_THREADPOOL_SIZE=16
CMD ["node", "lib/worker.js"]
