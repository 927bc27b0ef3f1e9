using Microsoft.Playwright;

namespace CoScientist.Tests.Browser;

/// <summary>One Chromium for a test class; a test without a browser is skipped with a message that says how to get one.</summary>
public sealed class BrowserFixture : IAsyncLifetime
{
    private const string Executable = "/usr/bin/chromium";

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Executable))
        {
            return;
        }

        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = Executable,
            Args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        });
    }

    /// <summary>A page with cookies of its own. Every fault of its scripts and every call to another server is added to <paramref name="faults"/>.</summary>
    public async Task<IPage> NewPageAsync(string address, ICollection<string> faults)
    {
        Assert.SkipWhen(_browser is null, $"No browser at {Executable}: apt-get install -y chromium.");
        var context = await _browser!.NewContextAsync(new BrowserNewContextOptions { BaseURL = address, ViewportSize = new ViewportSize { Width = 1440, Height = 900 } });
        // A busy machine is slow, not wrong.
        context.SetDefaultTimeout(60_000);
        Assertions.SetDefaultExpectTimeout(30_000);
        var page = await context.NewPageAsync();
        page.PageError += (_, fault) => faults.Add(fault);
        page.Console += (_, message) =>
        {
            if (message.Type == "error")
            {
                faults.Add(message.Text);
            }
        };
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(address, StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal))
            {
                faults.Add("called " + request.Url);
            }
        };
        return page;
    }

    /// <summary>Signs in through the form and waits until the start page answers: a link followed before that may lead back to it.</summary>
    public static async Task SignInAsync(IPage page, string name, string password)
    {
        await page.GotoAsync("/account/sign-in");
        await page.GetByLabel("Name").FillAsync(name);
        await page.GetByLabel("Password").FillAsync(password);
        await page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Name = "What is waiting for you" })).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
    }

    /// <summary>Opens a page and waits until it answers: what is clicked before that may be lost.</summary>
    public static async Task OpenAsync(IPage page, string address)
    {
        await page.GotoAsync(address);
        await Assertions.Expect(page.Locator("main[data-live]")).ToBeAttachedAsync();
    }

    /// <summary>Presses a key twice before the page can have answered.</summary>
    public static Task PressTwiceAsync(IPage page, string key) => page.EvaluateAsync(
        """
        key => {
          for (let i = 0; i < 2; i++) {
            document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
          }
        }
        """,
        key);

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        _playwright?.Dispose();
    }
}
