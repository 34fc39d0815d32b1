//! TikTok as a strict local server: the consent page, OAuth, audiences and mapping of its Business API, as
//! `reference/tiktok-api.md` tells them, with limits, a journal and faults on request. Stricter than TikTok wherever
//! TikTok would accept a mistake in silence. It shares no code with the product, so that one misreading cannot pass on both
//! sides. The control API (see README.md) is served beside it, under `/_sandbox/`, and [`control::Control`] is its client.

mod access;
mod account;
mod answer;
mod api;
mod audience;
mod audience_list;
mod clock;
mod consent;
pub mod control;
pub mod fault;
pub mod journal;
mod limits;
mod mapping;
mod member;
mod oauth;
mod operation;
mod rules;
mod seed;
mod server;
mod state;
pub mod world;

pub use fault::Fault;
pub use member::IdKind;
pub use rules::{CarriedOut, NameUnit, RateLimits, Rules, Unreached};
pub use server::{Running, serve, start};

/// Where TikTok's API lives on the server; calls go to this plus a path like `/user/info/`.
pub const API_BASE_PATH: &str = "/open_api/v1.3";
