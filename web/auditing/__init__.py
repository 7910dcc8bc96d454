"""The operator's and the auditor's commands `flask audit …`."""
