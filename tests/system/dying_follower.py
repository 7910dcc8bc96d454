"""The follower, to be killed at named points: `python -m tests.system.dying_follower`."""

from tests.system.deaths import install_in_follower
from workers.follow import main

if __name__ == "__main__":
    install_in_follower()
    main()
