//! `influx`.

use super::{check, refuse};

#[test]
fn influx_reads_a_line() {
    let line = |measurement: &str, tags: &str, fields: &str, timestamp: &str| {
        format!(
            "{{\"measurement\":\"{measurement}\",\"tags\":{{{tags}}},\"fields\":{{{fields}}},\"timestamp\":{timestamp}}}"
        )
    };
    let now = "1700000000000000000";
    check(
        "influx",
        &[
            (
                "",
                "weather,location=us-midwest temperature=82 1465839830100400200",
                &line(
                    "weather",
                    "\"location\":\"us-midwest\"",
                    "\"temperature\":82.0",
                    "1465839830100400200",
                ),
            ),
            ("", "w t=82", &line("w", "", "\"t\":82.0", now)),
            (
                "",
                "w,a=1,b=2 c=3,d=4 5",
                &line("w", "\"a\":\"1\",\"b\":\"2\"", "\"c\":3.0,\"d\":4.0", "5"),
            ),
            ("", "w t=1 -5", &line("w", "", "\"t\":1.0", "-5")),
            // Kinds of values.
            ("", "w t=12i", &line("w", "", "\"t\":12", now)),
            ("", "w t=-12i", &line("w", "", "\"t\":-12", now)),
            ("", "w t=-1.5e3", &line("w", "", "\"t\":-1500.0", now)),
            (
                "",
                "w a=t,b=T,c=true,d=True,e=TRUE",
                &line(
                    "w",
                    "",
                    "\"a\":true,\"b\":true,\"c\":true,\"d\":true,\"e\":true",
                    now,
                ),
            ),
            (
                "",
                "w a=f,b=F,c=false,d=False,e=FALSE",
                &line(
                    "w",
                    "",
                    "\"a\":false,\"b\":false,\"c\":false,\"d\":false,\"e\":false",
                    now,
                ),
            ),
            (
                "",
                "w t=\"too warm\"",
                &line("w", "", "\"t\":\"too warm\"", now),
            ),
            ("", "w t=\"\"", &line("w", "", "\"t\":\"\"", now)),
            (
                "",
                "w t=\"a,b=c d\" 1",
                &line("w", "", "\"t\":\"a,b=c d\"", "1"),
            ),
            (
                "",
                "w t=\"say \\\"hi\\\"\"",
                &line("w", "", "\"t\":\"say \\\"hi\\\"\"", now),
            ),
            (
                "",
                "w t=\"a\\\\b\\c\"",
                &line("w", "", "\"t\":\"a\\\\b\\\\c\"", now),
            ),
            (
                "",
                "w t=\"a\\\\\" 1",
                &line("w", "", "\"t\":\"a\\\\\"", "1"),
            ),
            // Escaped separators.
            (
                "",
                "wea\\ ther,lo\\ ca=us\\,mid\\=w te\\ mp=1",
                &line("wea ther", "\"lo ca\":\"us,mid=w\"", "\"te mp\":1.0", now),
            ),
            (
                "",
                "wea\\,ther t=1",
                &line("wea,ther", "", "\"t\":1.0", now),
            ),
            ("", "a\\b t=1", &line("a\\\\b", "", "\"t\":1.0", now)),
            ("", "ä,ö=ü ß=1", &line("ä", "\"ö\":\"ü\"", "\"ß\":1.0", now)),
            // What ends a line.
            ("", "w t=1\n", &line("w", "", "\"t\":1.0", now)),
            ("", "w t=1 5 \r\n", &line("w", "", "\"t\":1.0", "5")),
            // Not a line.
            ("", "", "none"),
            ("", "  ", "none"),
            ("", "# comment t=1", "none"),
            ("", "w", "none"),
            ("", "w ", "none"),
            ("", "w t", "none"),
            ("", "w t=", "none"),
            ("", "w =1", "none"),
            ("", ",a=b t=1", "none"),
            ("", "w,a t=1", "none"),
            ("", "w,a= t=1", "none"),
            ("", "w,=b t=1", "none"),
            ("", "w, t=1", "none"),
            ("", "w,a=b=c t=1", "none"),
            ("", "w t=1,", "none"),
            ("", "w t=1 x", "none"),
            ("", "w t=1 1 2", "none"),
            ("", "w t=1  1", "none"),
            ("", "w t=inf", "none"),
            ("", "w t=NaN", "none"),
            ("", "w t=1e999", "none"),
            ("", "w t=99999999999999999999i", "none"),
            ("", "w t=\"open", "none"),
            ("", "w t=\"open\\\"", "none"),
            ("", "w t=\"a\"b", "none"),
            ("", "w\\", "none"),
        ],
    );
    refuse("influx", &[("x", "`influx` takes no text")]);
}
