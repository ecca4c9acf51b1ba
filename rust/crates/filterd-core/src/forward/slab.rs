//! Places that are used again and again, so that a question allocates nothing once enough of them
//! have been made.

use std::ops::{Index, IndexMut};

/// Values by small numbers. What `give` takes back keeps its buffers for the next one.
#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<T>,
    free: Vec<u32>,
}

impl<T: Default> Slab<T> {
    pub(super) fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }

    /// A place; what stands in it is from its last use.
    pub(super) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(T::default());
            self.places.len() as u32 - 1
        })
    }

    /// Give a place back that `take` gave.
    pub(super) fn give(&mut self, key: u32) {
        self.free.push(key);
    }

    /// How many are in use.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// How many there are, in use or not.
    pub(super) fn size(&self) -> u32 {
        self.places.len() as u32
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, key: u32) -> &T {
        &self.places[key as usize]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, key: u32) -> &mut T {
        &mut self.places[key as usize]
    }
}
