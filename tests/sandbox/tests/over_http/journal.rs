//! The journal: who called what when, waiting for a call, and calls counted by second.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use sandbox::Fault;
use sandbox::journal::Query;

use crate::Story;

const AUDIENCE: &str = "/segment/audience/";

#[tokio::test]
async fn it_says_who_called_what_and_how_it_ended_and_names_the_token_by_fingerprint_only() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("A").await?;
    let journal = story.control.journal_of(story.advertiser()).await?;
    let [entry] = &journal[..] else { anyhow::bail!("{journal:?}") };
    assert_eq!(entry.token.as_deref(), Some(&*story.customer.token.fingerprint));
    assert_eq!(entry.core_user_id.as_ref(), Some(&story.customer.person.core_user_id));
    assert_eq!((entry.path.as_str(), entry.action.as_deref()), (AUDIENCE, Some("create")));
    assert_eq!((entry.status, entry.code, entry.applied), (Some(200), Some(0), true));
    assert_eq!(entry.audience_ids, [id]);
    assert!(entry.applied_at_ms >= Some(entry.at_ms) && entry.answered_at_ms >= entry.applied_at_ms);
    assert!(!format!("{journal:?}").contains(story.token()));
    story.control.clear_journal().await?;
    assert!(story.control.journal().await?.is_empty());
    assert_eq!(story.control.last_call().await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_query_narrows_it() -> Result<()> {
    let story = Story::begin().await?;
    let id = story.create_audience("A").await?;
    let after = story.control.last_call().await?;
    story.delete_audience(&id).await?;
    story.delete_audience(&id).await?;
    story.user_info("bogus").await?;
    let fingerprint: String = story.customer.token.fingerprint.chars().take(8).collect();
    for (query, calls) in [
        (Query::default(), 4),
        (Query::path(AUDIENCE), 3),
        (Query::path(AUDIENCE).advertiser("7"), 0),
        (Query { after, ..Query::default() }, 3),
        (Query { action: Some("delete".to_owned()), ..Query::default() }, 2),
        (Query { code: Some(40007), ..Query::default() }, 1),
        (Query { token: Some(fingerprint), ..Query::default() }, 3),
        (Query { answered: true, ..Query::default() }, 4),
    ] {
        assert_eq!(story.control.calls(&query).await?.len(), calls, "{query:?}");
    }
    Ok(())
}

#[tokio::test]
async fn it_can_be_waited_for_a_call_to_be_answered() -> Result<()> {
    let story = Story::begin().await?;
    let query = Query::path(AUDIENCE).advertiser(story.advertiser());
    let start = Instant::now();
    assert_eq!(story.control.next_call(&query, Duration::from_millis(50)).await?, None);
    assert!(start.elapsed() >= Duration::from_millis(50));
    story.control.fault(Fault::hang(100).on(AUDIENCE).next(1)).await?;
    let (created, seen) =
        tokio::join!(story.create_audience("A"), story.control.next_call(&query, Duration::from_secs(10)));
    let seen = seen?.context("nothing was seen")?;
    assert_eq!((seen.code, &seen.audience_ids), (Some(0), &vec![created?]));
    Ok(())
}
