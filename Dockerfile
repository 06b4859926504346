# To build the same image again, pin the base by its digest, which `docker buildx imagetools inspect node:24-slim` shows:
#   docker build --build-arg NODE_IMAGE=node:24-slim@sha256:… -t line-braze .
ARG NODE_IMAGE=node:24-slim

# The production dependencies alone, as the lock file pins them. Nothing is compiled: better-sqlite3 ships its binary.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM ${NODE_IMAGE}
# All that is ever written goes to /data: the database, whose default is in ./data, and a dry run's copy of it. No setting is
# set here: it and one from NAME_FILE would be two answers.
ENV NODE_ENV=production \
    TMPDIR=/data \
    MALLOC_ARENA_MAX=2 \
    MALLOC_TRIM_THRESHOLD_=131072
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY LICENSE package.json ./
COPY bin bin
COPY migrations migrations
COPY src src
RUN ln -s /data data && mkdir -p /data node_modules/.cache/line-braze && chown node:node /data node_modules/.cache/line-braze
USER node
# Shows that the image works, and leaves compiled code beside it. Node keeps that apart for each user and set of flags:
# here both must be those of the entry point.
RUN node --max-semi-space-size=16 --heap-growing-percent=30 --no-allocation-site-pretenuring bin/line-braze.js demo --people 20 --json
USER root
# Readable, and no more than that, to whom it is run by.
RUN chown -R root:root node_modules/.cache && chmod -R a+rX,go-w node_modules/.cache
USER node
VOLUME /data
EXPOSE 3000
# Whether webhooks can be made durable; whether Braze answers is for /health and the metrics.
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PRIVATE_PORT || process.env.PORT || 3000}/health/ready`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# node itself is the process that gets SIGTERM.
ENTRYPOINT ["node", "--max-semi-space-size=16", "--heap-growing-percent=30", "--no-allocation-site-pretenuring", "bin/line-braze.js"]
CMD ["serve"]
