"""Keep a shop in stock: a policy orders each day, a critic learns the returns of that policy; two optimizers."""

import torch
from torch import nn
from torch.distributions import Normal

torch.manual_seed(4)
SHOPS, DAYS, DISCOUNT = 64, 30, 0.95

policy = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
log_std = nn.Parameter(torch.tensor(0.0))
critic = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 1))
policy_opt = torch.optim.Adam([*policy.parameters(), log_std], lr=3e-3)
critic_opt = torch.optim.Adam(critic.parameters(), lr=1e-2)


def seen(stock, day):
    return torch.stack([stock / 10 - 1, torch.full_like(stock, day / DAYS)], dim=1)


for episode in range(150):
    stock = torch.full((SHOPS,), 5.0)
    states, orders, profits = [], [], []
    for day in range(DAYS):
        state = seen(stock, day)
        with torch.no_grad():
            order = Normal(5 * policy(state).squeeze(1), 3 * log_std.exp()).sample()
        stock = (stock + order.clamp(0, 20)).clamp(max=40)
        sold = torch.minimum(stock, torch.poisson(torch.full((SHOPS,), 8.0)))
        stock = stock - sold
        states.append(state)
        orders.append(order)
        profits.append(sold - 0.3 * order.clamp(0, 20) - 0.1 * stock)
    returns, after = [], torch.zeros(SHOPS)
    for profit in reversed(profits):
        after = profit + DISCOUNT * after
        returns.insert(0, after)
    states, orders, returns = torch.cat(states), torch.cat(orders), torch.cat(returns)

    for _ in range(4):
        value = critic(states).squeeze(1)
        value_loss = nn.functional.mse_loss(value, returns)
        critic_opt.zero_grad()
        value_loss.backward()
        critic_opt.step()

    advantage = returns - critic(states).squeeze(1).detach()
    advantage = (advantage - advantage.mean()) / advantage.std()
    likelihood = Normal(5 * policy(states).squeeze(1), 3 * log_std.exp()).log_prob(orders)
    policy_loss = -(likelihood * advantage).mean()
    policy_opt.zero_grad()
    policy_loss.backward()
    policy_opt.step()
    if episode % 25 == 24:
        gained = torch.stack(profits).sum(0).mean().item()
        print(f"episode {episode + 1}: profit {gained:.1f}, value loss {value_loss.item():.2f}")
