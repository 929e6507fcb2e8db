# One broker. Neither this file nor docker-compose.yml was built or run where Exeat is developed: there is no container engine
# there. Correct them when you find what is wrong.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /var/lib/exeat exeat
COPY --from=build /src/target/release/exeat /usr/local/bin/exeat
USER exeat
ENTRYPOINT ["exeat"]
CMD ["serve", "--data-dir", "/var/lib/exeat/data"]
