//! The edges: translate, call the broker, translate back; nothing else.
//!
//! `api` is what agents reach, `review` what people reach: two listeners, two routers, two kinds of key (F01). A route exists because it
//! is in its listener's table; who may call it is a type its handler takes ([`caller`]).

pub mod api;
pub mod caller;
pub mod client;
mod cookie;
pub mod extract;
pub mod hosts;
pub mod inside;
mod layers;
pub mod listen;
pub mod metrics;
mod openapi;
pub mod problem;
pub mod review;
pub mod route;
pub mod state;
mod view;
mod web;
mod why;
pub mod wire;
