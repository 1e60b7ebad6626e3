//! How many watch at once: each watcher costs memory and asks the database once a second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tenon_domain::PrincipalId;

use super::Refusal;

const MOST: usize = 1000;
const MOST_OF_ONE: usize = 100;

/// Everybody who watches.
#[derive(Clone, Default)]
pub(super) struct Watches(Arc<Mutex<HashMap<PrincipalId, usize>>>);

/// One who watches, until it is dropped.
pub(super) struct Watch {
    watches: Watches,
    principal: PrincipalId,
}

impl Watches {
    /// Lets one more watch.
    pub fn begin(&self, principal: PrincipalId) -> Result<Watch, Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.values().sum::<usize>() >= MOST {
            let detail = format!("{MOST} are watching already: come again, or read `/api/v1/jobs` instead");
            return Err(Refusal::too_many(detail));
        }
        let own = all.entry(principal).or_default();
        if *own >= MOST_OF_ONE {
            let detail = format!(
                "you are watching {MOST_OF_ONE} already: end one first, or read `/api/v1/jobs` instead"
            );
            return Err(Refusal::too_many(detail));
        }
        *own += 1;
        Ok(Watch {
            watches: self.clone(),
            principal,
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut all = self.watches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&self.principal) {
            *own -= 1;
            if *own == 0 {
                all.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_of_one_and_so_many_of_all() {
        let watches = Watches::default();
        let ada = PrincipalId::new();
        let mut own: Vec<_> = (0..MOST_OF_ONE).map(|_| watches.begin(ada).unwrap()).collect();
        assert_eq!(watches.begin(ada).err().unwrap().status.as_u16(), 429);
        own.pop();
        own.push(watches.begin(ada).unwrap());

        let others = (MOST_OF_ONE..MOST).map(|_| watches.begin(PrincipalId::new()).unwrap());
        let others: Vec<_> = others.collect();
        assert!(watches.begin(PrincipalId::new()).is_err());
        drop((own, others));
        assert!(watches.0.lock().unwrap().is_empty());
    }
}
