//! What goes along with a context: a list, the last first, shared by all that were derived behind it.

use std::any::{Any, TypeId};
use std::sync::Arc;

pub(super) struct Values {
    key: TypeId,
    value: Box<dyn Any + Send + Sync>,
    before: Option<Arc<Values>>,
}

impl Values {
    pub(super) fn new<T: Any + Send + Sync>(value: T, before: Option<Arc<Values>>) -> Arc<Values> {
        Arc::new(Values { key: TypeId::of::<T>(), value: Box::new(value), before })
    }

    /// The last value of this type.
    pub(super) fn get<T: Any>(&self) -> Option<&T> {
        let all = std::iter::successors(Some(self), |values| values.before.as_deref());
        let mut found = all.filter(|values| values.key == TypeId::of::<T>());
        found.next()?.value.downcast_ref()
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        // In a loop, as the list may be longer than the stack.
        let mut before = self.before.take();
        while let Some(mut values) = before.and_then(Arc::into_inner) {
            before = values.before.take();
        }
    }
}
