"""Model servers with the handler contract of AWS's scikit-learn and XGBoost containers."""
