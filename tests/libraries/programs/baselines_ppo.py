"""A policy by Stable-Baselines3, as in its getting started."""

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

torch.set_num_threads(1)


class Target(gym.Env):
    """Walk along a line to its middle within 20 steps."""

    observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = spaces.Discrete(3)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.steps = self.np_random.uniform(-1, 1), 0
        return self.observation(), {}

    def observation(self):
        return np.array([self.place, self.steps / 20], np.float32)

    def step(self, action):
        self.place = float(np.clip(self.place + 0.15 * (action - 1), -1, 1))
        self.steps += 1
        reached = abs(self.place) < 0.1
        reward = 1.0 if reached else -0.1 * abs(self.place)
        return self.observation(), reward, reached, self.steps >= 20, {}


model = PPO("MlpPolicy", Target(), n_steps=512, batch_size=64, seed=0, device="cpu", verbose=0)
model.learn(total_timesteps=4096)
print(evaluate_policy(model, make_vec_env(Target, seed=1), n_eval_episodes=20))
