//! Drains the queue into TikTok: reads a batch of envelopes, plans, hashes, sends, and reports each message's outcome.

pub mod plan;
