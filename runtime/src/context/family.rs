//! What a node's lock guards: its members, and whether it still takes any. Modelled in `family_loom.rs`.

/// Those who are to be told of the end. Each has a place, by which it leaves.
#[derive(Debug)]
pub(crate) struct Family<T> {
    /// `None`: the end has come, and nobody enters any more.
    members: Option<Members<T>>,
}

#[derive(Debug)]
struct Members<T> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

/// Below this the memory of those who left is kept.
const KEPT: usize = 64;

impl<T> Family<T> {
    pub(crate) const fn new() -> Self {
        Family { members: Some(Members { places: Vec::new(), free: Vec::new() }) }
    }

    /// Enters, and returns the place; the end has come: gives it back.
    pub(crate) fn enter(&mut self, member: T) -> Result<usize, T> {
        let Some(members) = &mut self.members else { return Err(member) };
        Ok(match members.free.pop() {
            Some(place) => {
                members.places[place] = Some(member);
                place
            }
            None => {
                members.places.push(Some(member));
                members.places.len() - 1
            }
        })
    }

    /// Leaves a place that was entered and not left before. `None`: the end has come.
    pub(crate) fn leave(&mut self, place: usize) -> Option<T> {
        let members = self.members.as_mut()?;
        let member = members.places[place].take();
        members.free.push(place);
        if members.free.len() == members.places.len() && members.places.capacity() > KEPT {
            *members = Members { places: Vec::new(), free: Vec::new() };
        }
        member
    }

    /// The end: takes everybody away. `None`: it has come before.
    pub(crate) fn end(&mut self) -> Option<impl Iterator<Item = T> + use<T>> {
        self.members.take().map(|members| members.places.into_iter().flatten())
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.members.as_ref().map_or(0, |members| members.places.len() - members.free.len())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_their_memory_given_back() {
        let mut family = Family::new();
        let places: Vec<_> = (0..1000).map(|n| family.enter(n).unwrap()).collect();
        assert_eq!(family.leave(places[7]), Some(7));
        assert_eq!(family.enter(-7), Ok(places[7]));
        assert_eq!(family.len(), 1000);
        for place in places {
            assert!(family.leave(place).is_some());
        }
        assert_eq!(family.len(), 0);
        assert_eq!(family.members.as_ref().unwrap().places.capacity(), 0);
    }

    #[test]
    fn after_the_end_nobody_enters() {
        let mut family = Family::new();
        let place = family.enter('a').unwrap();
        family.enter('b').unwrap();
        assert!(family.end().unwrap().eq(['a', 'b']));
        assert_eq!(family.enter('c'), Err('c'));
        assert_eq!(family.leave(place), None);
        assert!(family.end().is_none());
    }
}
