//! How many may do something at the same time.

/// A number of permits.
#[derive(Clone, Debug)]
pub(super) struct Permits {
    back: flume::Sender<()>,
    free: flume::Receiver<()>,
}

/// A permit; dropping it gives it back, whatever happened meanwhile.
#[derive(Debug)]
pub(super) struct Permit(flume::Sender<()>);

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        let (back, free) = flume::bounded(count);
        for _ in 0..count {
            // There is room for all.
            let _ = back.try_send(());
        }
        Permits { back, free }
    }

    /// Waits for a permit.
    pub(super) async fn take(&self) -> Permit {
        // It fails only without a sender, and there is one.
        let _ = self.free.recv_async().await;
        Permit(self.back.clone())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // There is room for as many as there are.
        let _ = self.0.try_send(());
    }
}
