# The production dependencies alone, as the lock file pins them. Nothing is compiled: better-sqlite3 ships its binary.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production \
    DATABASE_URL=file:/data/line-braze.db
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY migrations migrations
COPY src src
# Shows that the image runs, and leaves the compiled code beside it.
RUN DATABASE_URL=file:/tmp/built.db node bin/line-braze.js migrate && rm /tmp/built.db
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000
# Whether webhooks can be made durable; whether Braze answers is for /health and the metrics.
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PRIVATE_PORT || process.env.PORT || 3000}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# node itself is the process that gets SIGTERM.
ENTRYPOINT ["node", "--max-semi-space-size=16", "--heap-growing-percent=30", "bin/line-braze.js"]
CMD ["serve"]
