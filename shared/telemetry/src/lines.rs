//! Log lines on their way out. The last one of an invocation waits for its metrics, so that both are one line: CloudWatch bills by the byte.
//!
//! Only what tells of ordinary work waits. Warnings and errors are written at once: the process may be about to end.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Where lines go.
#[derive(Debug)]
pub(crate) struct Lines<W>(Mutex<Writing<W>>);

#[derive(Debug)]
struct Writing<W> {
    waiting: Option<Vec<u8>>,
    out: W,
}

impl<W: Write> Lines<W> {
    pub(crate) const fn new(out: W) -> Self {
        Self(Mutex::new(Writing { waiting: None, out }))
    }

    /// Writes a line, or keeps it waiting where it `may_wait`.
    fn write(&self, line: &[u8], may_wait: bool) -> io::Result<()> {
        self.with(|writing| {
            writing.write_waiting()?;
            if may_wait {
                writing.waiting = Some(line.to_vec());
                return Ok(());
            }
            writing.out.write_all(line)
        })
    }

    /// Ends an invocation: writes these lines of metrics, one of them together with the line that waits.
    pub(crate) fn finish(&self, metrics: Vec<Map<String, Value>>) -> io::Result<()> {
        self.with(|writing| {
            let mut waiting = writing.waiting.take();
            for line in metrics {
                let merged = waiting.as_deref().and_then(|waiting| merged(waiting, &line));
                if merged.is_some() {
                    waiting = None;
                }
                let mut text = serde_json::to_vec(&merged.unwrap_or(line))?;
                text.push(b'\n');
                // In one piece: panics write to the same log.
                writing.out.write_all(&text)?;
            }
            writing.waiting = waiting;
            writing.write_waiting()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Writing<W>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<W: Write> Writing<W> {
    fn write_waiting(&mut self) -> io::Result<()> {
        self.waiting.take().map_or(Ok(()), |waiting| self.out.write_all(&waiting))
    }
}

/// Both in one object; `None` where a member would have two values.
fn merged(line: &[u8], metrics: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut line: Map<String, Value> = serde_json::from_slice(line).ok()?;
    let agree = |(name, value): (&String, &Value)| line.get(name).is_none_or(|known| known == value);
    if !metrics.iter().all(agree) {
        return None;
    }
    line.extend(metrics.clone());
    Some(line)
}

/// Writes one line.
#[derive(Debug)]
pub(crate) struct LineWriter<W: 'static> {
    lines: &'static Lines<W>,
    may_wait: bool,
}

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.write(line, self.may_wait)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> MakeWriter<'_> for &'static Lines<W> {
    type Writer = LineWriter<W>;

    fn make_writer(&self) -> LineWriter<W> {
        LineWriter { lines: self, may_wait: false }
    }

    fn make_writer_for(&self, of: &Metadata<'_>) -> LineWriter<W> {
        LineWriter { lines: self, may_wait: *of.level() >= Level::INFO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(value: &Value) -> Vec<u8> {
        format!("{value}\n").into_bytes()
    }

    fn metrics(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn written(lines: &Lines<Vec<u8>>) -> Vec<Value> {
        let out = lines.with(|writing| std::mem::take(&mut writing.out));
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_last_line_of_an_invocation_is_one_with_its_metrics() {
        let lines = Lines::new(Vec::new());
        lines.write(&line(&json!({"message": "first"})), true).unwrap();
        lines.write(&line(&json!({"message": "last", "answer": "ok"})), true).unwrap();
        assert_eq!(written(&lines), [json!({"message": "first"})]);
        lines.finish(vec![metrics(&json!({"_aws": {}, "answer": "ok", "requests": 1}))]).unwrap();
        assert_eq!(written(&lines), [json!({"message": "last", "answer": "ok", "_aws": {}, "requests": 1})]);
        lines.finish(vec![metrics(&json!({"_aws": {}, "calls": 1}))]).unwrap();
        assert_eq!(written(&lines), [json!({"_aws": {}, "calls": 1})]);
    }

    #[test]
    fn no_member_loses_its_value() {
        let lines = Lines::new(Vec::new());
        lines.write(&line(&json!({"message": "m", "reason": "not JSON"})), true).unwrap();
        let of_two_reasons = [json!({"reason": "no_id", "dropped": 2}), json!({"requests": 1})];
        lines.finish(of_two_reasons.iter().map(metrics).collect()).unwrap();
        let expected = [of_two_reasons[0].clone(), json!({"message": "m", "reason": "not JSON", "requests": 1})];
        assert_eq!(written(&lines), expected);
    }

    #[test]
    fn a_warning_waits_for_nothing_and_keeps_its_place() {
        let lines = Lines::new(Vec::new());
        lines.write(&line(&json!({"message": "work"})), true).unwrap();
        lines.write(&line(&json!({"message": "trouble"})), false).unwrap();
        assert_eq!(written(&lines), [json!({"message": "work"}), json!({"message": "trouble"})]);
        lines.write(&line(&json!({"message": "more work"})), true).unwrap();
        lines.finish(Vec::new()).unwrap();
        assert_eq!(written(&lines), [json!({"message": "more work"})]);
    }

    #[test]
    fn only_ordinary_work_waits() {
        let lines: &'static Lines<Vec<u8>> = Box::leak(Box::new(Lines::new(Vec::new())));
        let subscriber = tracing_subscriber::fmt().json().with_writer(lines).finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("work");
            assert_eq!(written(lines), [] as [Value; 0]);
            tracing::warn!("trouble");
            assert_eq!(written(lines).len(), 2);
        });
    }
}
