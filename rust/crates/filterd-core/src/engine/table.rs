//! Values by numbers that are never given twice, in places that are used again.

/// The lower half of a number is the place.
const PLACE: u64 = u32::MAX as u64;

/// See the module. What was taken away stays where it stood until its place is used again.
pub(super) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    /// The number of the value that stands here, or stood here last.
    id: u64,
    used: bool,
    value: T,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T: Default> Table<T> {
    /// Add a value; what stands in it is from the last use of its place.
    pub(super) fn add(&mut self) -> (u64, &mut T) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot {
                id: self.slots.len() as u64,
                used: false,
                value: T::default(),
            });
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[place as usize];
        slot.id = slot.id.wrapping_add(PLACE + 1);
        slot.used = true;
        (slot.id, &mut slot.value)
    }

    /// The value with this number.
    #[inline]
    pub(super) fn get(&self, id: u64) -> Option<&T> {
        let slot = self.slots.get((id & PLACE) as usize)?;
        (slot.used && slot.id == id).then_some(&slot.value)
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let slot = self.slots.get_mut((id & PLACE) as usize)?;
        (slot.used && slot.id == id).then_some(&mut slot.value)
    }

    /// Take the value with this number away.
    pub(super) fn remove(&mut self, id: u64) -> Option<&mut T> {
        let place = (id & PLACE) as u32;
        let slot = self.slots.get_mut(place as usize)?;
        if !slot.used || slot.id != id {
            return None;
        }
        slot.used = false;
        self.free.push(place);
        Some(&mut slot.value)
    }

    /// Do something with every value.
    pub(super) fn each(&mut self, mut what: impl FnMut(&mut T)) {
        for slot in self.slots.iter_mut().filter(|slot| slot.used) {
            what(&mut slot.value);
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_of_one_value_though_its_place_is_used_again() {
        let mut table: Table<u8> = Table::default();
        let (one, value) = table.add();
        *value = 1;
        let (two, _) = table.add();
        assert_eq!((table.len(), table.get(one)), (2, Some(&1)));
        assert!(table.remove(one).is_some() && table.remove(one).is_none());
        let (three, _) = table.add();
        assert!(three != one && three & PLACE == one & PLACE);
        assert!(table.get(one).is_none() && table.get_mut(one).is_none());
        assert!(table.get(0).is_none() && table.get(u64::MAX).is_none());
        let mut seen = 0;
        table.each(|_| seen += 1);
        assert_eq!((seen, table.len()), (2, 2));
        assert!(table.remove(two).is_some() && table.remove(three).is_some());
        assert_eq!(table.len(), 0);
    }
}
