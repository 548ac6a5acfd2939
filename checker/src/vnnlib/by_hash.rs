//! Things that are numbered in the order of their arrival, found again by their hash.
//!
//! Rows, boxes and disjuncts are kept elsewhere, in flat arrays. Here is an open table of eight bytes a
//! place, so that a million of them stay near the processor; nothing is allocated for a single one.
//! Callers hash with SipHash, so that a text cannot be made whose hashes collide.

/// The numbers of things by hash.
#[derive(Debug, Default)]
pub(super) struct ByHash {
    /// A power of two of places, at most half of them taken; a thing stands at the first free place from
    /// the one that its hash names.
    places: Vec<Place>,
    count: u32,
}

/// A thing, or nothing where `id` is [`NONE`].
#[derive(Debug, Clone, Copy)]
struct Place {
    hash: u32,
    id: u32,
}

const NONE: u32 = u32::MAX;

impl ByHash {
    /// The number of a thing with this hash that is the same.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let hash = hash as u32;
        let mask = self.places.len().checked_sub(1)?;
        let mut at = hash as usize & mask;
        // A table that is not full has a free place, where this ends.
        loop {
            let place = self.places[at];
            if place.id == NONE {
                return None;
            }
            if place.hash == hash && same(place.id) {
                return Some(place.id);
            }
            at = (at + 1) & mask;
        }
    }

    /// Numbers a new thing, of which there may be 2^31.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64) -> u32 {
        if 2 * (self.count as usize + 1) > self.places.len() {
            let free = Place { hash: 0, id: NONE };
            let wider = vec![free; (2 * self.places.len()).max(16)];
            for place in std::mem::replace(&mut self.places, wider) {
                if place.id != NONE {
                    self.put(place);
                }
            }
        }
        let id = self.count;
        self.put(Place { hash: hash as u32, id });
        self.count += 1;
        id
    }

    fn put(&mut self, place: Place) {
        let mask = self.places.len() - 1;
        let mut at = place.hash as usize & mask;
        while self.places[at].id != NONE {
            at = (at + 1) & mask;
        }
        self.places[at] = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_of_one_hash_are_told_apart() {
        let mut things = ByHash::default();
        let words = ["a", "b", "c"];
        assert_eq!((things.insert(7), things.insert(7), things.insert(9)), (0, 1, 2));
        let find = |hash, word| things.find(hash, |id| words[id as usize] == word);
        assert_eq!(find(7, "a"), Some(0));
        assert_eq!(find(7, "b"), Some(1));
        assert_eq!(find(7, "c"), None);
        assert_eq!(find(9, "c"), Some(2));
        assert_eq!(find(8, "a"), None);
        assert_eq!(ByHash::default().find(0, |_| true), None);
    }

    #[test]
    fn a_growing_table_loses_nothing() {
        let mut things = ByHash::default();
        let hash = |id: u32| u64::from(id % 5000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for id in 0..10_000 {
            assert_eq!(things.find(hash(id), |other| other == id), None);
            assert_eq!(things.insert(hash(id)), id);
        }
        assert!((0..10_000).all(|id| things.find(hash(id), |other| other == id) == Some(id)));
    }
}
