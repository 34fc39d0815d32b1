//! Which Firehose messages are settled, in the log: that is how the way of one of them can be told.

use std::collections::{BTreeMap, HashSet};

use crate::letter::FIREHOSE_MESSAGE_ID;
use crate::work::Work;

/// So many are named in a line.
const NAMED_TOGETHER: usize = 100;

/// Logs the Firehose messages of `gone`, each with the number of its queue messages that are gone.
pub(crate) fn report(work: &Work, gone: &HashSet<String>) {
    let mut settled = BTreeMap::<&str, u32>::new();
    for (_, message) in work.messages().filter(|(_, message)| gone.contains(&message.message_id)) {
        if let Some(id) = message.attributes.get(FIREHOSE_MESSAGE_ID) {
            *settled.entry(id).or_default() += 1;
        }
    }
    let settled: Vec<_> = settled.iter().map(|(id, messages)| format!("{id}={messages}")).collect();
    for named in settled.chunks(NAMED_TOGETHER) {
        tracing::info!(
            advertiser = %work.connection.advertiser, account = %work.connection.account,
            firehose_messages = named.join(" "), "Firehose messages are settled"
        );
    }
}
