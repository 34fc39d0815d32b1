//! Percentiles of the times of answers.

use std::time::Duration;

use bench::table;

#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The least of the times, in milliseconds, that so many of a thousand do not exceed; there has to be one.
    pub(crate) fn permille(&mut self, of_thousand: usize) -> f64 {
        self.0.sort_unstable();
        let place = (self.0.len() * of_thousand).div_ceil(1_000) - 1;
        self.0[place].as_secs_f64() * 1_000.0
    }

    /// Answers a second, one after the other.
    pub(crate) fn a_second(&self) -> f64 {
        table::a_second(self.count(), self.0.iter().sum())
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let mut times = Times::default();
        (1..=1_000).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        let texts = [500, 990, 999].map(|of_thousand| format!("{:.0}", times.permille(of_thousand)));
        assert_eq!(texts, ["500", "990", "999"]);
    }
}
