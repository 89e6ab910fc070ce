//! The end of a source, and of an instance of it.

use super::{Message, SourceBody, SourceTask, pull};
use crate::control::Order;
use crate::turn::What;

impl SourceTask {
    /// Writes down once more what is kept of lanes, before pipelines and sinks finish.
    pub(super) async fn close_lanes(
        &mut self,
        mut body: Box<SourceBody>,
    ) -> Option<Box<SourceBody>> {
        body.ledger.close();
        body = self.tell_fates(body).await?;
        body.ledger.closed();
        Some(body)
    }

    /// The instance is gone, and with it its lanes: nothing more is kept of them here.
    pub(super) async fn drop_lanes(&mut self, body: &mut SourceBody) {
        for lane in body.ledger.lanes() {
            self.turn(lane, What::End, body).await;
        }
    }

    /// Waits until every event has its fate, and tells the source.
    pub(super) async fn settle_rest(
        &mut self,
        mut body: Box<SourceBody>,
    ) -> Option<Box<SourceBody>> {
        loop {
            let is_busy = body.ledger.is_busy();
            let all = async {
                self.parts.fates.all_settled().await;
                if is_busy {
                    // What is stored comes as a message.
                    std::future::pending::<()>().await;
                }
                None
            };
            let due = pull::due(&self.parts, &body);
            let one = async { Some(pull::next_message(&self.orders, &self.settled, due).await) };
            let message = smol::future::or(one, all).await;
            let ended = message.is_none();
            match message {
                // It has nothing more to hand over, and no instance to come knows what it was given.
                Some(Message::Order(Order::Renew(renewal))) => {
                    let dropping = async { drop(renewal) };
                    body = self.slot.meanwhile(self.owner, body, dropping).await?.1;
                }
                Some(Message::Gone) => return Some(body),
                Some(message) => body = self.take(message, body).await?,
                None => {}
            }
            // What was settled last may still be on its way through the channel.
            while let Ok(settled) = self.settled.try_recv() {
                body = self.take(Message::Settled(settled), body).await?;
            }
            body = self.tell_fates(body).await?;
            if ended && !body.ledger.is_busy() {
                return Some(body);
            }
        }
    }
}
