//! The authorisation page in a real Chromium, against the deployed template: a file a behaviour.
//!
//! `browser` drives Chromium, `visit` is a person who uses it on a stack of his own, `looks` sees every page in light and dark, on a
//! phone and on a desktop. Without a browser the tests say so and pass, unless `CI` or `REQUIRE_BROWSER` is set.

mod browser;
mod looks;
mod visit;

mod authorising_again;
mod consent;
mod copying;
mod delivered;
mod failures;
mod fresh_state;
mod headers;
mod keyboard;
mod names;
mod once;
mod print;
mod troubles;
mod without_script;
