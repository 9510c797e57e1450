//! Closing so that the client reads what was sent last.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::connection::registry::Watch;
use crate::cores::core::Core;

/// Ends our side, then reads and drops what still comes until the client closes, for a short while.
///
/// A socket that is closed with unread bytes sends a reset, and a reset makes the client's kernel forget what it has not
/// yet handed to the client: a TLS alert, or the reply that tells why.
pub(crate) async fn close(
    core: &Core,
    watch: &Watch,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
) {
    core.time.now();
    watch.arm(core.time.deadline(LONGEST));
    let closing = async {
        stream.shutdown().await?;
        let mut dropped = core.buffers.take();
        for _ in 0..MOST_READS {
            dropped.clear();
            if stream.read_buf(&mut dropped).await? == 0 {
                break;
            }
        }
        core.buffers.give(dropped);
        std::io::Result::Ok(())
    };
    // Whatever goes wrong now, the connection is closed either way.
    drop(watch.race(closing).await);
}

const LONGEST: std::time::Duration = std::time::Duration::from_secs(2);
/// Reads of up to 32 KiB each.
const MOST_READS: usize = 32;
