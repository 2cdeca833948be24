//! Tools that JEX may use, and the policy that decides.
