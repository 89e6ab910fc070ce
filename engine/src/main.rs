//! The program `temblor`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
