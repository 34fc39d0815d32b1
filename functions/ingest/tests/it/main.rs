//! The function, called as Lambda calls it, with an SQS and a Secrets Manager in memory and a small TikTok on a port.

mod cases;
mod cloud;
mod doors;
mod tiktok;
mod world;
