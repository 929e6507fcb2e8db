//! The egress proxy over real sockets: a broker that is scripted, upstreams driven by hand.

mod addresses;
mod differential;
mod forwarding;
mod frames;
mod gate;
mod http2;
mod http2_upstream;
mod identity;
mod lifetime;
mod masking;
mod names;
mod pace;
mod parsing;
mod pool;
mod stage;
mod upstream;
mod websocket;
mod wire;
