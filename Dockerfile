# The platform in a container. See docs/deploying.md for how to run it and how this file was checked.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# The packages' scripts would download files that are not needed here, and Graft's own would bundle sources that are not
# copied yet.
RUN npm ci --ignore-scripts
COPY . .
RUN node tools/build.mjs && node tools/runtime-tree.mjs /graft

FROM node:24.21.0-bookworm-slim
COPY --from=build /graft /graft
# A new volume gets the owner of the folder on which it is mounted.
RUN ln -s /graft/bin/graft.cjs /usr/local/bin/graft && install -d -m 0700 -o 1000 -g 1000 /data /artifacts
ENV NODE_ENV=production GRAFT_HOME=/data
WORKDIR /data
VOLUME /data
# The user `node` of the base image, by number, so that Kubernetes can verify that it is not root.
USER 1000:1000
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["graft"]
CMD ["serve", "--host", "0.0.0.0"]
