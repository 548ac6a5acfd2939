//! Sparse matrices by rows, as lowering builds and composes them.

/// A sparse matrix; columns increase within a row, and no entry of a map is zero.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    /// Row `k` has the entries `starts[k]..starts[k + 1]`.
    starts: Vec<usize>,
    entries: Vec<(u32, f64)>,
}

impl Rows {
    /// A matrix without rows, which are added one after the other.
    pub fn new() -> Rows {
        Rows { starts: vec![0], entries: Vec::new() }
    }

    /// As [`Rows::new`], with room for so many rows and entries.
    pub fn with_capacity(rows: usize, entries: usize) -> Rows {
        let mut starts = Vec::with_capacity(rows + 1);
        starts.push(0);
        Rows { starts, entries: Vec::with_capacity(entries) }
    }

    /// The identity.
    pub fn identity(len: usize) -> Rows {
        Rows::picks(0..len)
    }

    /// One entry of 1 a row.
    pub fn picks(columns: impl IntoIterator<Item = usize>) -> Rows {
        Rows::scaled_picks(columns, 1.0)
    }

    /// One entry a row, the same number in all.
    pub fn scaled_picks(columns: impl IntoIterator<Item = usize>, factor: f64) -> Rows {
        let entries: Vec<(u32, f64)> = columns.into_iter().map(|c| (c as u32, factor)).collect();
        Rows { starts: (0..=entries.len()).collect(), entries }
    }

    /// At most one entry of 1 a row.
    pub fn some_picks(columns: impl IntoIterator<Item = Option<usize>>) -> Rows {
        let mut rows = Rows::new();
        for column in columns {
            if let Some(column) = column {
                rows.push(column as u32, 1.0);
            }
            rows.end_row();
        }
        rows
    }

    /// From lists of entries in any order, no column twice.
    pub fn from_lists(lists: impl IntoIterator<Item = Vec<(u32, f64)>>) -> Rows {
        let mut rows = Rows::new();
        for mut list in lists {
            list.retain(|entry| entry.1 != 0.0);
            list.sort_unstable_by_key(|entry| entry.0);
            rows.entries.extend(list);
            rows.end_row();
        }
        rows
    }

    /// Adds an entry to the row that has not ended yet.
    pub fn push(&mut self, column: u32, value: f64) {
        self.entries.push((column, value));
    }

    /// Ends a row.
    pub fn end_row(&mut self) {
        self.starts.push(self.entries.len());
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of entries.
    pub fn size(&self) -> usize {
        self.entries.len()
    }

    /// The entries of a row.
    pub fn row(&self, k: usize) -> &[(u32, f64)] {
        &self.entries[self.starts[k]..self.starts[k + 1]]
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &[(u32, f64)]> {
        (0..self.len()).map(|k| self.row(k))
    }

    /// Row starts and entries.
    pub fn parts(&self) -> (&[usize], &[(u32, f64)]) {
        (&self.starts, &self.entries)
    }

    /// Whether this is the identity on vectors of `columns` numbers.
    pub fn is_identity(&self, columns: usize) -> bool {
        self.len() == columns
            && self.size() == columns
            && self.iter().enumerate().all(|(k, row)| matches!(row, [(j, 1.0)] if *j as usize == k))
    }

    /// Whether every row copies at most one element.
    pub fn is_movement(&self) -> bool {
        self.size() <= self.len() && self.iter().all(|row| matches!(row, [] | [(_, 1.0)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_what_was_pushed() {
        let mut rows = Rows::new();
        rows.push(1, -1.0);
        rows.push(3, 2.0);
        rows.end_row();
        rows.end_row();
        assert_eq!((rows.len(), rows.size()), (2, 2));
        assert_eq!(rows.row(0), [(1, -1.0), (3, 2.0)]);
        assert!(rows.row(1).is_empty() && !rows.is_movement());
        assert!(Rows::identity(3).is_identity(3) && !Rows::identity(3).is_identity(4));
        assert!(Rows::some_picks([None, Some(2)]).is_movement());
        assert!(!Rows::scaled_picks([0], 2.0).is_movement());
        let listed = Rows::from_lists([vec![(2, 1.0), (0, 3.0), (1, 0.0)]]);
        assert_eq!(listed.row(0), [(0, 3.0), (2, 1.0)]);
    }
}
