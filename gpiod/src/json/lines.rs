//! How the words for lines are read.

use super::{Json, Result, by_key, field, object, words};
use crate::line::{
    AtExit, Bias, Direction, Drive, Edge, EdgeEvent, LineConfig, LineId, LineInfo, Moment, OnExit, Value,
    Values,
};

words!(Bias, Direction, Drive, Edge, OnExit, Value);
object!(LineId { chip, offset });
object!(LineConfig { direction, value, bias, drive, active_low, edges, debounce_ns });
object!(LineInfo {
    id,
    chip,
    name,
    header_pin,
    direction,
    high,
    drives_high,
    consumer,
    function,
    at_exit,
    waits,
});
object!(AtExit { claimed, unclaimed });
object!(Moment { timestamp_ns, uncertainty_ns });
object!(EdgeEvent { position, edge, timestamp_ns, seqno, line_seqno });

impl Json for Values {
    fn read(mut value: serde_json::Value) -> Result<Self> {
        let bits = field(&mut value, "bits")?;
        Ok(Self { bits, read: Moment::read(value)? })
    }
}
by_key!(Values);
