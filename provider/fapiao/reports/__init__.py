"""What is told about the stored months: compared with totals from outside, judged by the gate, exported, printed."""
