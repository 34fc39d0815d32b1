//! The product, owned serde and the floor on the same bytes, one after the other in each round.

use std::hint::black_box;

use anyhow::{Context, Result};
use envelope::{Envelope, LaneParts};
use ids::Encoding;

use crate::calls::Calls;
use crate::cpu::Least;
use crate::floor::Floor;
use crate::input::{USERS, messages};
use crate::{owned, product};

/// The nil id of the input stands for no device: it is not hashed.
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// Nanoseconds of CPU time for each user.
#[derive(Clone, Copy)]
pub(crate) struct Stages {
    /// From messages to envelopes.
    pub(crate) ingest: f64,
    /// From envelopes to bodies.
    pub(crate) uploader: f64,
}

impl Stages {
    pub(crate) fn both(self) -> f64 {
        self.ingest + self.uploader
    }

    fn of([ingest, uploader]: [Least; 2]) -> Self {
        Self { ingest: ingest.0 / f64::from(USERS), uploader: uploader.0 / f64::from(USERS) }
    }
}

/// What each took in its fastest rounds.
pub(crate) struct Measured {
    /// Users of each message.
    pub(crate) users: u32,
    pub(crate) product: Stages,
    pub(crate) owned: Stages,
    pub(crate) floor: Stages,
    /// The floor of a product that hashes an id in one stage alone.
    pub(crate) hashed_once: Stages,
}

/// Measures messages of `users` users each.
///
/// # Errors
/// The product and owned serde do not tell TikTok the same.
pub(crate) fn measure(users: u32, rounds: u32) -> Result<Measured> {
    let messages = messages(users)?;
    let by_owned = owned_envelopes(&messages)?;
    let envelopes = product_envelopes(&messages)?;
    let texts: Vec<String> = envelopes.iter().flat_map(|lane| lane.parts.iter().cloned()).collect();
    let work = product::in_hand(envelopes)?;
    let bodies = product::bodies(&work)?;
    let same = Calls::of(&bodies)? == Calls::of(&owned::bodies(&by_owned)?)?;
    anyhow::ensure!(same, "at {users} users a message the product and owned serde tell TikTok different things");
    let ids = hashed(&texts)?;
    let texts: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
    let read = Floor { input: messages.iter().map(Vec::as_slice).collect(), ids: &ids, output: texts.clone() };
    let told = Floor { input: texts, ids: &ids, output: bodies.iter().map(Vec::as_slice).collect() };
    let told_unhashed = Floor { ids: &[], ..told.clone() };
    let (mut product, mut owned, mut floor) = ([Least::new(); 2], [Least::new(); 2], [Least::new(); 3]);
    let mut to = Vec::new();
    for _ in 0..rounds {
        for (least, stage) in floor.iter_mut().zip([&read, &told, &told_unhashed]) {
            least.measure(|| {
                stage.run(&mut to);
                Ok(())
            })?;
        }
        round(&mut product, || product_envelopes(&messages), || product::bodies(&work))?;
        round(&mut owned, || owned_envelopes(&messages), || owned::bodies(&by_owned))?;
    }
    let [ingest, uploader, unhashed] = floor;
    Ok(Measured {
        users,
        product: Stages::of(product),
        owned: Stages::of(owned),
        floor: Stages::of([ingest, uploader]),
        hashed_once: Stages::of([ingest, unhashed]),
    })
}

/// One round of both stages. Dropping what they make counts: the functions drop it too.
fn round<A, B>(
    [ingest, uploader]: &mut [Least; 2],
    first: impl FnOnce() -> Result<A>,
    second: impl FnOnce() -> Result<B>,
) -> Result<()> {
    ingest.measure(|| first().map(|made| drop(black_box(made))))?;
    uploader.measure(|| second().map(|made| drop(black_box(made))))
}

fn product_envelopes(messages: &[Vec<u8>]) -> Result<Vec<LaneParts>> {
    let mut all = Vec::new();
    for message in messages {
        all.extend(product::envelopes(black_box(message))?);
    }
    Ok(all)
}

fn owned_envelopes(messages: &[Vec<u8>]) -> Result<Vec<(u8, String)>> {
    let mut all = Vec::new();
    for message in messages {
        all.extend(owned::envelopes(black_box(message))?);
    }
    Ok(all)
}

/// The ids that are hashed, of all envelopes.
fn hashed(envelopes: &[String]) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for text in envelopes {
        let rows = Envelope::read(text).context("what is written cannot be read")?.rows;
        let raw = rows.iter().map(|row| &row.id).filter(|id| id.1 == Encoding::Raw && id.2 != NIL);
        ids.extend(raw.map(|id| id.2.to_ascii_lowercase()));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_and_owned_serde_tell_tiktok_the_same() {
        for users in [1, 100, USERS] {
            measure(users, 1).unwrap();
        }
    }
}
