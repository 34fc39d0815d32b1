//! The harness of the stories and of the demo: the deployed template on a local cloud, mParticle in front of it, and a model of
//! what TikTok must hold behind it.
//!
//! In the order of a story: [`story()`] opens a [`Stack`], [`customers`], [`people`] and [`message`] make what [`mparticle`] sends by
//! both transports, [`queue`], [`letters`] and [`uploader`] watch it on its way, and [`model`] says whether it arrived. [`leaks`] and
//! [`logs`] see that nothing leaked.

pub mod chaos;
pub mod cloud;
pub mod consent;
pub mod customers;
pub mod envelope;
pub mod identity;
pub mod leaks;
pub mod letters;
pub mod logs;
pub mod message;
pub mod model;
pub mod mparticle;
pub mod people;
pub mod queue;
pub mod stack;
pub mod story;
pub mod trials;
pub mod uploader;

pub use customers::Customer;
pub use identity::{Expected, IdKind, Identity};
pub use letters::Letter;
pub use message::{Account, Action, Audience, Profile};
pub use model::Model;
pub use mparticle::Transport;
pub use people::{People, Person};
pub use stack::{Options, Stack};
pub use story::{story, unlimited_story, until};
