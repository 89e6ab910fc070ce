//! What decoding costs that no test sees from outside.

use temblor_pdk::{Buffer, DynPreprocessor, FrameSink};

use super::*;
use crate::fate::Tally;

/// One frame of everything, at its end.
struct Whole(usize);

impl DynPreprocessor for Whole {
    fn process<'a>(&mut self, piece: &'a [u8], _out: &mut FrameSink<'_, 'a>) -> Result<()> {
        self.0 += piece.len();
        Ok(())
    }

    fn held(&self) -> usize {
        self.0
    }

    fn finish(&mut self, out: &mut FrameSink<'_, '_>) -> Result<()> {
        out.made(self.0.to_string().as_bytes());
        self.0 = 0;
        Ok(())
    }
}

struct Text;

impl DynCodec for Text {
    fn decode<'a>(&mut self, frame: &'a mut [u8], arena: &'a Arena) -> Result<Option<Value<'a>>> {
        let text = std::str::from_utf8(frame).unwrap_or_default();
        Ok(Some(Value::from(arena.str(text))))
    }

    fn encode(&mut self, _value: Value<'_>, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_frame_in_very_many_pulls_costs_each_of_them_the_same() {
    let make = || {
        Ok(Steps {
            preprocessors: vec![Step {
                about: "whole".into(),
                preprocessor: Box::new(Whole(0)),
            }],
            codec: Box::new(Text),
            is_stateless: true,
        })
    };
    let letters = Letters::of_connector("main", "s", &crate::secret::Secrets::new());
    let policy = OnFailure::Fail;
    let times = Times::Logical(1);
    let mut decoder = Decoder::new(Box::new(make), "text", times, letters, policy, true, None);
    let tally = Arc::new(Tally::default());
    let (fates, settled) = SourceFates::new(0, "s", Arc::clone(&tally), true);
    let mut pull = PullOf {
        source: 0,
        pull: 0,
        fates: &fates,
    };
    let (mut moved, mut place) = (0, std::ptr::null());
    for _ in 0..4096 {
        let mut builder = BatchBuilder::new();
        builder.push_buffer(Buffer::from_vec(vec![b'x']), |bytes, out| {
            out.push(Event::new(Value::bytes(bytes)));
        });
        let decoded = decoder.decode(builder.seal(), &pull).unwrap();
        assert!(decoded.parcels.is_empty() && decoded.errors.is_none());
        let carried = &decoder.streams[&(0, 0)].carried;
        if !std::ptr::eq(carried.as_ptr(), place) {
            (moved, place) = (moved + carried.len(), carried.as_ptr());
        }
        pull.pull += 1;
    }
    assert!(moved <= 2 * 4096, "{moved} tickets were moved");
    assert!(settled.is_empty(), "nothing has arrived yet");
    for decoded in decoder.finish(&pull) {
        for parcel in decoded.parcels {
            parcel.tickets.delivered(parcel.ids());
            parcel.tickets.release();
        }
    }
    assert_eq!(settled.len(), 4096);
    assert_eq!(tally.counts().delivered, 1);
}
