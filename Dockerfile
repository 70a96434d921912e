# One image for every app: `docker build -t keymeter .`, then APP=ingress|consumer|policy|query|standalone.
FROM node:20.19-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY . .
RUN npx tsc -p tsconfig.build.json && npm prune --omit=dev --ignore-scripts

FROM node:20.19-bookworm-slim
ENV NODE_ENV=production UV_THREADPOOL_SIZE=12 MALLOC_ARENA_MAX=2 APP=standalone \
    KEYMETER_HOST=0.0.0.0 KEYMETER_PORT=8080 KEYMETER_DATA_DIR=/data
WORKDIR /app
COPY --from=build --chown=root:root /build/package.json ./
COPY --from=build --chown=root:root /build/node_modules ./node_modules
COPY --from=build --chown=root:root /build/dist ./dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.KEYMETER_PORT+'/health/live').then(a=>process.exit(a.ok?0:1),()=>process.exit(1))"]
# exec: signals reach Node, which drains on SIGTERM.
CMD ["sh", "-c", "exec node --single-threaded-gc dist/apps/$APP/src/main.js"]
