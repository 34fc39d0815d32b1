//! Faults, set and taken back by the client.

use super::messages::{Hits, Number};
use super::{Control, Result};
use crate::fault::Fault;

/// Each call fails with [`ControlError`](super::ControlError) when the sandbox cannot be reached or says no.
#[expect(clippy::missing_errors_doc, reason = "said once, above")]
impl Control {
    /// Sets a fault and returns its number.
    pub async fn fault(&self, fault: Fault) -> Result<u64> {
        let made: Number = self.value(self.post("faults", &fault)).await?;
        Ok(made.number)
    }

    /// The faults still set, with their counts as they are now.
    pub async fn faults(&self) -> Result<Vec<Fault>> {
        self.value(self.get("faults")).await
    }

    /// How many calls a fault has hit; one that ended by itself or was taken back is still known.
    pub async fn fault_hits(&self, number: u64) -> Result<u64> {
        let answer: Hits = self.value(self.get(&format!("faults/{number}"))).await?;
        Ok(answer.hits)
    }

    /// Takes one fault back; fails if it has run out already.
    pub async fn clear_fault(&self, number: u64) -> Result<()> {
        self.done(self.delete(&format!("faults/{number}"))).await
    }

    /// Takes all faults back.
    pub async fn clear_faults(&self) -> Result<()> {
        self.done(self.delete("faults")).await
    }

    /// Makes TikTok refuse every token, though they live, until the fault is taken back. Returns its number.
    pub async fn refuse_tokens(&self) -> Result<u64> {
        self.fault(Fault::tokens_refused()).await
    }
}
