"""The 15 corruptions of Hendrycks and Dietterich, by kind."""
