//! What a source is told by its task: fates, and answers to what it says of its lanes.

use log::Level;
use temblor_pdk::{Command, LaneNotice, Result, call};

use super::{SourceBody, SourceTask, garbage};
use crate::decode::Decoder;

impl SourceTask {
    /// Tells the source the fates that are known.
    pub(super) async fn tell_fates(
        &mut self,
        mut body: Box<SourceBody>,
    ) -> Option<Box<SourceBody>> {
        let commands = self.to_tell(&mut body);
        if !self.parts.transactional || commands.is_empty() {
            return Some(body);
        }
        let (told, body) = self.tell(commands, body).await?;
        match told {
            Ok(()) => Some(body),
            Err(error) => self.trouble(body, error).await,
        }
    }

    /// Gives commands to the instance, if there is one, until one fails.
    async fn tell(
        &mut self,
        commands: Vec<Command>,
        body: Box<SourceBody>,
    ) -> Option<(Result<()>, Box<SourceBody>)> {
        let Some((_, instance)) = &mut self.instance else {
            return Some((Ok(()), body));
        };
        let telling = async {
            for command in commands {
                call(&mut **instance, command).await?;
            }
            Ok(())
        };
        self.slot.meanwhile(self.owner, body, telling).await
    }

    /// A source says something of a lane, and is answered before its next pull if it can be.
    pub(super) async fn on_notice(
        &mut self,
        notice: LaneNotice,
        mut body: Box<SourceBody>,
    ) -> Option<(Result<()>, Box<SourceBody>)> {
        match self.take_notice(notice, &mut body) {
            Ok(answer) => self.tell(answer.into_iter().collect(), body).await,
            Err(error) => Some((Err(error), body)),
        }
    }

    fn take_notice(&self, notice: LaneNotice, body: &mut SourceBody) -> Result<Option<Command>> {
        if !self.parts.lanes {
            garbage(format!(
                "it told of lane {}, and its entry does not say that it has lanes",
                notice.lane()
            ))?;
        }
        // Half a frame of it will never be whole.
        let forget = |decoder: &mut Decoder| decoder.forget_lane(notice.lane());
        body.decoder.iter_mut().for_each(forget);
        body.ledger.take_notice(notice)
    }

    /// What the source can be told now.
    fn to_tell(&self, body: &mut SourceBody) -> Vec<Command> {
        let clock = self.parts.shared.clock;
        // The clock is looked at only where it counts.
        let now_ns = body.ledger.due_ns().map_or(0, |_| clock.now_ns());
        let (commands, lost) = body.ledger.take(now_ns);
        for lane in lost {
            let message = format!(
                "lane `{lane}` has moved away before all of it that was in flight had its fate; what had none comes again \
                 elsewhere"
            );
            let parts = &self.parts;
            let logger = &parts.shared.logger;
            logger.about(Level::Warn, &parts.flow, &parts.name, &message);
        }
        commands
    }
}
