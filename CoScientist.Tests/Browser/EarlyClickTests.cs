using System.Text;
using CoScientist.Core.Storage;
using CoScientist.Tests.Shared;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace CoScientist.Tests.Browser;

/// <summary>
/// People do not wait until a page is connected. What they follow in that moment must not lead back: the circuit has been started for the
/// address of then, and is told about others only from the message on that puts it in charge of the page. That one is held back here until
/// the click is done.
/// </summary>
[Collection(BrowserCollection.Name)]
public sealed class EarlyClickTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    private static readonly byte[] s_listens = Encoding.UTF8.GetBytes("attachWebRendererInterop");

    [Fact(Timeout = 120_000)]
    public async Task LinkAndBack_WhileThePageIsConnecting_LeadWhereTheyPoint()
    {
        await using var server = new ServerFixture();
        await server.InitializeAsync();
        await server.CreateAccountAsync("rita", Roles.Researcher);
        var page = await browser.NewPageAsync(server.Address, []);
        await BrowserFixture.SignInAsync(page, "rita", ServerFixture.Password);
        var connection = new HeldConnection();
        await page.RouteWebSocketAsync("**/_blazor**", connection.Route);

        var connecting = connection.Hold();
        await page.GotoAsync("/");
        await connecting.WaitAsync(TestContext.Current.CancellationToken);
        await page.GetByRole(AriaRole.Link, new() { Name = "Start a run" }).ClickAsync();
        await page.WaitForURLAsync("**/runs/new");
        connection.Release();
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "New run" })).ToBeVisibleAsync();

        // From one page to another without loading, then loaded anew, and back before that is connected.
        await page.GetByRole(AriaRole.Link, new() { Name = "Models", Exact = true }).ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "Models", Exact = true })).ToBeVisibleAsync();
        connecting = connection.Hold();
        await page.ReloadAsync();
        await connecting.WaitAsync(TestContext.Current.CancellationToken);
        await page.EvaluateAsync("history.back()");
        await page.WaitForURLAsync("**/runs/new");
        connection.Release();
        await Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "New run" })).ToBeVisibleAsync();
        await Expect(page).ToHaveURLAsync($"{server.Address}/runs/new");
    }

    /// <summary>Passes on what the server says; when asked, nothing from the message on that puts the circuit in charge of the page.</summary>
    private sealed class HeldConnection
    {
        private readonly Lock gate = new();
        private readonly List<Action> kept = [];
        private TaskCompletionSource? arrived;
        private bool holds;

        public Task Hold()
        {
            lock (gate)
            {
                (arrived, holds) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), false);
                return arrived.Task;
            }
        }

        public void Release()
        {
            lock (gate)
            {
                arrived = null;
                holds = false;
                kept.ForEach(send => send());
                kept.Clear();
            }
        }

        public void Route(IWebSocketRoute socket)
        {
            var server = socket.ConnectToServer();
            server.OnMessage(message =>
            {
                lock (gate)
                {
                    if (arrived is not null && message.Binary?.AsSpan().IndexOf(s_listens) >= 0)
                    {
                        holds = true;
                        arrived.TrySetResult();
                    }

                    if (holds)
                    {
                        kept.Add(() => Send(socket, message));
                    }
                    else
                    {
                        Send(socket, message);
                    }
                }
            });
        }

        private static void Send(IWebSocketRoute socket, IWebSocketFrame message)
        {
            if (message.Binary is { } bytes)
            {
                socket.Send(bytes);
            }
            else
            {
                socket.Send(message.Text!);
            }
        }
    }
}
