// The only way to find the handlers of a rendered page; a framework that changes these types shows it at once.
#pragma warning disable BL0006
using System.Reflection;
using System.Security.Claims;
using CoScientist.Web.Accounts;
using CoScientist.Core.Storage;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.RenderTree;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.JSInterop;

namespace CoScientist.Tests.Shared;

/// <summary>
/// One component on a connection of its own, without the router before it, and every event that its markup can send: what a browser
/// could do that was let in once, or that makes the messages up.
/// </summary>
internal sealed class ActionRenderer : Renderer
{
    // A button twice, since some ask first, and one of a list stands for the others; what fills in shares its method with all that do.
    private const int MostPresses = 2;
    private const int MostChanges = 8;

    private readonly AsyncServiceScope _scope;
    private readonly Dictionary<ulong, (string Event, string Method)> _handlers = [];

    private ActionRenderer(AsyncServiceScope scope)
        : base(new WithoutBrowser(scope.ServiceProvider), NullLoggerFactory.Instance) => _scope = scope;

    /// <summary>What was thrown, as a circuit would have seen it.</summary>
    public List<Exception> Faults { get; } = [];

    /// <summary>Events that were sent.</summary>
    public int Sent { get; private set; }

    /// <summary>What was sent and what came of it, for a test that fails.</summary>
    public string Log => $"{Sent} events; faults: {string.Join("; ", Faults.Select(fault => fault.GetType().Name + ": " + fault.Message).Distinct(StringComparer.Ordinal))}";

    /// <inheritdoc/>
    public override Dispatcher Dispatcher { get; } = Dispatcher.CreateDefault();

    /// <inheritdoc/>
    protected override RendererInfo RendererInfo { get; } = new("Server", isInteractive: true);

    /// <summary>Opens a component as somebody.</summary>
    public static async Task<ActionRenderer> OpenAsync(IServiceProvider services, Type component, IReadOnlyDictionary<string, object?> parameters, string accountName, string path)
    {
        var scope = services.CreateAsyncScope();
        var users = scope.ServiceProvider.GetRequiredService<UserManager<Account>>();
        var cookie = await scope.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<Account>>().CreateAsync((await users.FindByNameAsync(accountName))!);
        var user = await services.GetRequiredService<Sessions>().CurrentAsync(cookie, CancellationToken.None);
        ((IHostEnvironmentAuthenticationStateProvider)scope.ServiceProvider.GetRequiredService<AuthenticationStateProvider>()).SetAuthenticationState(Task.FromResult(new AuthenticationState(user ?? new ClaimsPrincipal(new ClaimsIdentity()))));
        ((IHostEnvironmentNavigationManager)scope.ServiceProvider.GetRequiredService<NavigationManager>()).Initialize("http://localhost/", "http://localhost" + path);
        var renderer = new ActionRenderer(scope);
        await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var id = renderer.AssignRootComponentId(renderer.InstantiateComponent(component));
            await renderer.RenderRootComponentAsync(id, ParameterView.FromDictionary(parameters.ToDictionary(StringComparer.Ordinal)));
        });
        return renderer;
    }

    /// <summary>Sends every event that the markup has or gets by it: first what fills in, then what acts.</summary>
    /// <param name="fills">Whether to fill in as well as to press, and to press twice; else each is pressed once.</param>
    /// <param name="sentOne">Called after each event with the method that it went to.</param>
    public async Task SendAllAsync(bool fills = true, Func<string, Task>? sentOne = null)
    {
        var sent = new Dictionary<string, int>(StringComparer.Ordinal);
        while (_handlers.Where(handler => sent.GetValueOrDefault(Key(handler.Value)) < (IsChange(handler.Value.Event) ? (fills ? MostChanges : 0) : fills ? MostPresses : 1))
            .OrderBy(handler => IsChange(handler.Value.Event) ? 0 : 1).ThenBy(handler => sent.GetValueOrDefault(Key(handler.Value))).ThenBy(handler => handler.Key)
            .Select(handler => (ulong?)handler.Key).FirstOrDefault() is { } next)
        {
            var key = Key(_handlers[next]);
            sent[key] = sent.GetValueOrDefault(key) + 1;
            Sent++;
            await Dispatcher.InvokeAsync(async () =>
            {
                try
                {
                    await DispatchEventAsync(next, null, Args(next), waitForQuiescence: true);
                }
                catch (Exception fault) when (fault is not OutOfMemoryException)
                {
                    Faults.Add(fault);
                }
            });
            await (sentOne?.Invoke(key) ?? Task.CompletedTask);
        }

        static string Key((string Event, string Method) handler) => $"{handler.Event} {handler.Method}";
        static bool IsChange(string name) => name is "onchange" or "oninput";
    }

    // Delegates, or callbacks that hold one.
    private static string MethodOf(object? value)
    {
        var method = (value as Delegate ?? value?.GetType().GetField("Delegate", BindingFlags.Instance | BindingFlags.NonPublic)?.GetValue(value) as Delegate)?.Method;
        return $"{method?.DeclaringType?.FullName}.{method?.Name}";
    }

    /// <inheritdoc/>
    protected override void HandleException(Exception exception) => Faults.Add(exception);

    /// <inheritdoc/>
    protected override IComponent ResolveComponentForRenderMode(Type componentType, int? parentComponentId, IComponentActivator componentActivator, IComponentRenderMode renderMode) =>
        componentActivator.CreateInstance(componentType);

    /// <inheritdoc/>
    protected override Task UpdateDisplayAsync(in RenderBatch renderBatch)
    {
        foreach (var frame in renderBatch.ReferenceFrames.Array.AsSpan(0, renderBatch.ReferenceFrames.Count))
        {
            if (frame is { FrameType: RenderTreeFrameType.Attribute, AttributeEventHandlerId: > 0 })
            {
                _handlers[frame.AttributeEventHandlerId] = (frame.AttributeName, MethodOf(frame.AttributeValue));
            }
        }

        foreach (var gone in renderBatch.DisposedEventHandlerIDs.Array.AsSpan(0, renderBatch.DisposedEventHandlerIDs.Count))
        {
            _handlers.Remove(gone);
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _scope.Dispose();
    }

    private EventArgs Args(ulong handler)
    {
        var type = GetEventArgsType(handler);
        return type == typeof(ChangeEventArgs) ? new ChangeEventArgs { Value = "1" } : (EventArgs)Activator.CreateInstance(type)!;
    }

    /// <summary>The services of a connection whose browser answers nothing.</summary>
    private sealed class WithoutBrowser(IServiceProvider services) : IServiceProvider, IJSRuntime
    {
        public object? GetService(Type serviceType) => serviceType == typeof(IJSRuntime) ? this : services.GetService(serviceType);

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, object?[]? args) => ValueTask.FromResult(default(TValue)!);

        public ValueTask<TValue> InvokeAsync<TValue>(string identifier, CancellationToken cancellationToken, object?[]? args) => InvokeAsync<TValue>(identifier, args);
    }
}
