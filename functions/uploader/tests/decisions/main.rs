//! The pure decisions of the uploader, against plain models.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on stops")]

mod accounting;
mod dividing;
mod erasing;
mod fairness;
mod model;
mod planning;
mod queue;
mod settling;
mod world;
