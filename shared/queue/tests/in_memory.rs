//! That the SQS in memory does what AWS documents of FIFO queues. Time is paused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::time::Duration;

use queue::in_memory::{Fault, InMemory};
use queue::{Outgoing, Queue, QueueError, Received};
use tokio::time::{Instant, advance};

const URL: &str = "https://sqs.test/1/queue.fifo";
const VISIBILITY: Duration = Duration::from_secs(30);

fn queue(sqs: &InMemory) -> Queue {
    Queue::new(&sqs.client(), URL.to_owned())
}

fn outgoing(group: &str, body: &str) -> Outgoing {
    let attributes = vec![("firehose_message_id", "f-1".to_owned())];
    Outgoing { body: body.to_owned(), group: group.to_owned(), deduplication_id: None, attributes }
}

fn bodies(received: &[Received]) -> Vec<&str> {
    received.iter().map(|message| message.body.as_str()).collect()
}

async fn receive(queue: &Queue) -> Vec<Received> {
    queue.receive(VISIBILITY, Duration::from_secs(1)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_is_received_in_the_order_of_its_group_and_blocks_it_until_it_is_gone() {
    let sqs = InMemory::default();
    let queue = queue(&sqs);
    let lane = (0..12).map(|n| outgoing("7.1.0", &n.to_string())).collect();
    queue.send_lanes(vec![lane, vec![outgoing("7.1.1", "other")]], Instant::now() + VISIBILITY).await.unwrap();
    assert_eq!((sqs.calls(URL, "SendMessageBatch"), sqs.messages(URL).len()), (12, 13));

    let first = receive(&queue).await;
    assert_eq!(bodies(&first), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!((first[0].group.as_str(), first[0].receive_count), ("7.1.0", 1));
    assert_eq!(first[0].attributes["firehose_message_id"], "f-1");
    assert_eq!(bodies(&receive(&queue).await), ["other"]);
    let start = Instant::now();
    assert_eq!(bodies(&receive(&queue).await), [""; 0]);
    assert_eq!(start.elapsed(), Duration::from_secs(1), "an empty receive waits");
    assert_eq!(queue.depth().await.unwrap(), queue::Depth { visible: 2, in_flight: 11 });

    let handles: Vec<_> = first.iter().map(|message| message.receipt_handle.as_str()).collect();
    assert!(queue.delete_batch(&handles).await.iter().all(Result::is_ok));
    assert!(queue.delete_batch(&handles).await.iter().all(Result::is_ok), "deleting what is deleted succeeds");
    assert_eq!(bodies(&receive(&queue).await), ["10", "11"]);
}

#[tokio::test(start_paused = true)]
async fn a_receive_that_waits_gets_what_becomes_visible_meanwhile() {
    let sqs = InMemory::default();
    let queue = queue(&sqs);
    sqs.send(URL, "7.1.0", "a", &[]);
    let start = Instant::now();
    assert_eq!(bodies(&sqs.receive(URL, Duration::from_secs(3))), ["a"]);
    assert_eq!(bodies(&queue.receive(VISIBILITY, Duration::from_secs(20)).await.unwrap()), ["a"]);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let (received, ()) = tokio::join!(queue.receive(VISIBILITY, Duration::from_secs(20)), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        sqs.send(URL, "7.1.1", "b", &[]);
    });
    assert_eq!(bodies(&received.unwrap()), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_handle_ends_with_its_visibility_which_can_be_changed() {
    let sqs = InMemory::default();
    let queue = queue(&sqs);
    sqs.send(URL, "7.1.0", "a", &[]);
    let first = receive(&queue).await.pop().unwrap();
    let mine = first.receipt_handle.as_str();
    advance(Duration::from_secs(20)).await;
    assert_eq!(queue.set_visibility(&[(mine, Duration::from_mins(1))]).await, [Ok(())]);
    advance(Duration::from_secs(40)).await;
    assert_eq!(sqs.in_flight(URL), 1);
    advance(Duration::from_secs(20)).await;
    assert_eq!(sqs.in_flight(URL), 0);
    assert_eq!(queue.delete_batch(&[mine]).await, [Err(QueueError::Expired)]);
    let second = receive(&queue).await.pop().unwrap();
    assert_eq!((second.message_id == first.message_id, second.receive_count), (true, 2));
    assert_eq!(queue.delete_batch(&[mine]).await, [Err(QueueError::Expired)], "another delivery is under way");
    assert_eq!(queue.set_visibility(&[(&second.receipt_handle, Duration::ZERO)]).await, [Ok(())]);
    assert_eq!(bodies(&receive(&queue).await), ["a"]);
    let wrong = queue.delete_batch(&["never given out"]).await;
    assert_eq!(wrong, [Err(QueueError::Expired)]);
}

#[tokio::test(start_paused = true)]
async fn the_same_message_of_a_group_is_taken_once_in_five_minutes() {
    let sqs = InMemory::default();
    let queue = queue(&sqs);
    let until = || Instant::now() + VISIBILITY;
    for _ in 0..2 {
        assert_eq!(queue.send(&[outgoing("7.1.0", "a"), outgoing("7.1.1", "a")], until()).await, [Ok(()), Ok(())]);
    }
    assert_eq!(sqs.messages(URL).len(), 2, "one for each group");
    advance(Duration::from_mins(6)).await;
    assert_eq!(queue.send(&[outgoing("7.1.0", "a")], until()).await, [Ok(())]);
    let named = |id: &str| Outgoing { deduplication_id: Some(id.to_owned()), ..outgoing("7.1.0", "a") };
    assert_eq!(queue.send(&[named("1"), named("2"), named("1")], until()).await, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(sqs.messages(URL).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn limits_are_those_of_sqs() {
    let sqs = InMemory::default();
    let client = sqs.client();
    let entry = |id: usize, body: &str| {
        let entry = aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(body);
        entry.message_group_id("g").build().unwrap()
    };
    let send = async |entries: Vec<_>| {
        let sent = client.send_message_batch().queue_url(URL).set_entries(Some(entries)).send().await;
        sent.err().and_then(|error| aws_sdk_sqs::error::ProvideErrorMetadata::code(&error).map(str::to_owned))
    };
    let many = (0..11).map(|id| entry(id, &id.to_string())).collect();
    assert_eq!(send(many).await.as_deref(), Some("TooManyEntriesInBatchRequest"));
    assert_eq!(send(vec![entry(0, "a"), entry(0, "b")]).await.as_deref(), Some("BatchEntryIdsNotDistinct"));
    let half = "x".repeat(600_000);
    assert_eq!(send(vec![entry(0, &half), entry(1, &half)]).await.as_deref(), Some("BatchRequestTooLong"));
    let output = client.send_message_batch().queue_url(URL).entries(entry(0, "\u{0}")).entries(entry(1, "b"));
    let output = output.send().await.unwrap();
    assert_eq!(output.failed()[0].code(), "InvalidMessageContents");
    assert_eq!((sqs.messages(URL).len(), output.successful().len()), (1, 1));
    let elsewhere = Queue::new(&client, "https://sqs.test/1/standard".to_owned());
    assert!(matches!(elsewhere.depth().await, Err(QueueError::Refused(_))));
}

#[tokio::test(start_paused = true)]
async fn faults_happen_when_they_are_asked_for() {
    let sqs = InMemory::default();
    let queue = queue(&sqs);
    let until = Instant::now() + Duration::from_mins(1);
    sqs.fail_next("SendMessageBatch", Fault::AnswerLost);
    assert_eq!(queue.send(&[outgoing("7.1.0", "a")], until).await, [Ok(())]);
    assert_eq!((sqs.calls(URL, "Send"), sqs.messages(URL).len()), (2, 1), "the repetition is dropped");

    sqs.refuse_entries("SendMessageBatch", "bad", "InternalError", false, 1);
    assert_eq!(queue.send(&[outgoing("7.1.1", "bad"), outgoing("7.1.2", "good")], until).await, [Ok(()), Ok(())]);
    assert_eq!(sqs.calls(URL, "SendMessageBatch"), 4);

    sqs.fail_next("ReceiveMessage", Fault::Refused("RequestThrottled"));
    let throttled = queue.receive(VISIBILITY, Duration::ZERO).await;
    assert_eq!(throttled, Err(QueueError::Busy("RequestThrottled".to_owned())));
    sqs.fail_next("ReceiveMessage", Fault::Broken);
    assert_eq!(
        queue.receive(Duration::ZERO, Duration::ZERO).await,
        Err(QueueError::Busy("InternalFailure".to_owned()))
    );
    sqs.set_down(true);
    assert_eq!(queue.receive(VISIBILITY, Duration::ZERO).await, Err(QueueError::NoAnswer));
    sqs.set_down(false);
    sqs.set_latency(Duration::from_secs(2));
    let start = Instant::now();
    assert_eq!(receive(&queue).await.len(), 3);
    assert_eq!(start.elapsed(), Duration::from_secs(2));
}
