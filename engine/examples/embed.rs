//! A program that embeds the engine: it feeds a flow from memory and prints what comes out.
//!
//! ```sh
//! cargo run --example embed
//! ```

use temblor::{Engine, compile};
use temblor_pdk::OwnedValue;

const FLOW: &str = r##"
define flow main
flow
  define connector readings from readings;
  define connector alarms from alarms;

  define pipeline hot
  args limit
  pipeline
    select "#{ event.room }: #{ event.celsius } degrees"
    from in where event.celsius > args.limit into out
  end;

  create connector readings;
  create connector alarms;
  create pipeline hot with limit = 25 end;

  connect /connector/readings to /pipeline/hot;
  connect /pipeline/hot to /connector/alarms;
end;
deploy flow main
"##;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Engine::builder();
    // The names that the flow's connectors are defined from.
    let readings = builder.input("readings");
    let alarms = builder.output("alarms");
    let engine = builder.build()?;

    let program = compile("embed.troy", FLOW)?;
    let flow = engine.start(&program.flows[0])?;

    for (room, celsius) in [
        ("kitchen", 21),
        ("attic", 31),
        ("cellar", 12),
        ("oven", 180),
    ] {
        let reading = serde_json::json!({ "room": room, "celsius": celsius });
        let reading: OwnedValue = serde_json::from_value(reading)?;
        readings.send(reading).map_err(|_| "the flow has ended")?;
    }
    // The source ends with its last feeder, and the flow with its source.
    drop(readings);

    while let Some(batch) = alarms.receive() {
        for event in batch.events() {
            println!("{}", event.data.as_str().unwrap_or_default());
        }
    }
    let counts = flow.wait().counts;
    println!(
        "{} in, {} delivered, {} filtered",
        counts.events_in, counts.delivered, counts.filtered
    );
    Ok(())
}
