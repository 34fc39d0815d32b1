//! Figures, aligned.

/// What was measured, in which unit, and the figure.
#[derive(Default)]
pub(crate) struct Table(Vec<(String, String, f64)>);

impl Table {
    pub(crate) fn row(&mut self, what: &str, unit: &str, figure: f64) {
        self.0.push((what.to_owned(), unit.to_owned(), figure));
    }

    pub(crate) fn print(&self) {
        let widest = |of: fn(&(String, String, f64)) -> usize| self.0.iter().map(of).max().unwrap_or_default();
        let (what_width, unit_width) = (widest(|row| row.0.len()), widest(|row| row.1.len()));
        for (what, unit, figure) in &self.0 {
            let digits = if *figure < 100.0 { 2 } else { 0 };
            #[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
            {
                println!("  {what:what_width$}  {figure:>12.digits$}  {unit:unit_width$}");
            }
        }
    }
}
