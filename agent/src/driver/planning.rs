//! The planner's own thread: one plan at a time, and a newer request replaces one that waits.
//!
//! Planning takes longer than a step may; the driver must never wait for it.

use super::handle::Request;
use debal_protocol::effect::PlanRequest;
use debal_protocol::input::Input;
use debal_protocol::plan::LeaderPlan;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use tokio::sync::mpsc;

/// Makes a plan as it is asked for.
pub type PlanFn = Box<dyn Fn(&PlanRequest) -> LeaderPlan + Send>;

#[derive(Default)]
struct Slot {
    waiting: Option<PlanRequest>,
    closed: bool,
}

/// The request slot of the planner thread. Dropping it ends the thread.
pub struct Planning {
    slot: Arc<(Mutex<Slot>, Condvar)>,
}

impl Planning {
    /// Starts the thread; answers go to `requests`.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(plan: PlanFn, requests: mpsc::WeakSender<Request>) -> std::io::Result<Self> {
        let slot = Arc::new((Mutex::new(Slot::default()), Condvar::new()));
        let shared = Arc::clone(&slot);
        let work = move || {
            while let Some(request) = next(&shared) {
                let made = plan(&request);
                let PlanRequest { epoch, round, .. } = request;
                let Some(requests) = requests.upgrade() else { return };
                let made = Request::Input(Input::PlanMade { epoch, round, made });
                if requests.blocking_send(made).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("debal-planner".to_owned()).spawn(work)?;
        Ok(Self { slot })
    }

    /// Asks for a plan; a request that waits is replaced.
    pub fn ask(&self, request: PlanRequest) {
        let (slot, wake) = &*self.slot;
        slot.lock().unwrap_or_else(PoisonError::into_inner).waiting = Some(request);
        wake.notify_one();
    }
}

impl Drop for Planning {
    fn drop(&mut self) {
        let (slot, wake) = &*self.slot;
        slot.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        wake.notify_one();
    }
}

fn next(shared: &(Mutex<Slot>, Condvar)) -> Option<PlanRequest> {
    let (slot, wake) = shared;
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if slot.closed {
            return None;
        }
        if let Some(request) = slot.waiting.take() {
            return Some(request);
        }
        slot = wake.wait(slot).unwrap_or_else(PoisonError::into_inner);
    }
}
