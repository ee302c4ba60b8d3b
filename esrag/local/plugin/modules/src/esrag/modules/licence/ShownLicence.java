package esrag.modules.licence;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.action.ActionRequest;
import org.elasticsearch.action.ActionResponse;
import org.elasticsearch.action.support.ActionFilterChain;
import org.elasticsearch.action.support.MappedActionFilter;
import org.elasticsearch.protocol.xpack.XPackInfoResponse;
import org.elasticsearch.protocol.xpack.XPackInfoResponse.LicenseInfo;
import org.elasticsearch.tasks.Task;
import org.elasticsearch.xpack.core.action.XPackInfoAction;

/**
 * Lets {@code GET _xpack} name the tier that the stack behaves like.
 *
 * <p>The licence itself, and what the server makes of it, are left alone.
 */
public final class ShownLicence implements MappedActionFilter {
  private static final String TRIAL = "trial";
  private static final String PLATINUM = "platinum";

  @Override
  public String actionName() {
    return XPackInfoAction.NAME;
  }

  @Override
  public <Request extends ActionRequest, Response extends ActionResponse> void apply(
      Task task,
      String action,
      Request request,
      ActionListener<Response> listener,
      ActionFilterChain<Request, Response> chain) {
    chain.proceed(task, action, request, listener.map(ShownLicence::asTier));
  }

  @SuppressWarnings("unchecked")
  private static <Response extends ActionResponse> Response asTier(Response response) {
    if (Tier.refusesEnterprise()
        && response instanceof XPackInfoResponse info
        && info.getLicenseInfo() != null
        && TRIAL.equals(info.getLicenseInfo().getType())) {
      LicenseInfo real = info.getLicenseInfo();
      LicenseInfo shown =
          new LicenseInfo(
              real.getUid(), PLATINUM, PLATINUM, real.getStatus(), real.getExpiryDate());
      return (Response)
          new XPackInfoResponse(info.getBuildInfo(), shown, info.getFeatureSetsInfo());
    }
    return response;
  }
}
