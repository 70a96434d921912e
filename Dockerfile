# One image for every app: `docker build -t keymeter .` runs standalone; another app by its program as the command,
# e.g. `docker run keymeter dist/run/ingress.js`.
FROM node:20.19.5-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY apps ./apps
COPY libs ./libs
COPY scripts/bundle.mjs ./scripts/
RUN npm run build && npm prune --omit=dev --no-audit --no-fund --ignore-scripts

FROM node:20.19.5-bookworm-slim
# See scripts/start.mjs for the first two.
ENV UV_THREADPOOL_SIZE=12 MALLOC_ARENA_MAX=2 NODE_ENV=production \
    KEYMETER_HOST=0.0.0.0 KEYMETER_PORT=8080 KEYMETER_DATA_DIR=/data
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# The one folder that is written to, by a user without rights; as a number, so that Kubernetes sees that it is not root.
RUN install --directory --owner=1000 --group=1000 /data
USER 1000:1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.KEYMETER_PORT+'/health/live').then(a=>process.exit(a.ok?0:1),()=>process.exit(1))"]
# Node is process 1: signals reach it, and it drains on SIGTERM.
ENTRYPOINT ["node", "--single-threaded-gc"]
CMD ["dist/run/standalone.js"]
